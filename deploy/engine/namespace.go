package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"
)

// RegisterAttributes adds the search attributes (Name=Type) that a namespace lacks, and gives how many they were.
func RegisterAttributes(ctx context.Context, c client.Client, namespace string, attributes []string) (int, error) {
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return 0, fmt.Errorf("listing the search attributes: %w", err)
	}
	missing := map[string]enums.IndexedValueType{}
	for _, attribute := range attributes {
		name, kind, _ := strings.Cut(attribute, "=")
		if _, ok := have.GetCustomAttributes()[name]; ok {
			continue
		}
		if missing[name], err = enums.IndexedValueTypeFromString(kind); err != nil {
			return 0, fmt.Errorf("search attribute %s: %w", attribute, err)
		}
	}
	if len(missing) == 0 {
		return 0, nil
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	if err != nil {
		return 0, fmt.Errorf("adding the search attributes: %w", err)
	}
	return len(missing), nil
}

// MakeNamespace registers a namespace on an engine, with its search attributes, and returns when the engine works in it. keep is how
// long ended workflows stay readable. One that is there already is left as it is. c may be connected to any namespace of the engine.
func MakeNamespace(ctx context.Context, c client.Client, namespace, description string, keep time.Duration, attributes []string) error {
	_, err := c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: namespace, Description: description, WorkflowExecutionRetentionPeriod: durationpb.New(keep),
	})
	var exists *serviceerror.NamespaceAlreadyExists
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("registering the namespace %s: %w", namespace, err)
	}
	// every part of the engine learns of a namespace within some seconds
	for wait := 200 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		_, err := RegisterAttributes(ctx, c, namespace, attributes)
		if err == nil {
			_, err = c.WorkflowService().CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: namespace, Query: attributeQuery(attributes)})
		}
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the namespace %s: %w", namespace, errors.Join(ctx.Err(), err))
		case <-time.After(wait):
		}
	}
}

// attributeQuery asks for something by every attribute: the engine refuses it until it knows them all.
func attributeQuery(attributes []string) string {
	var terms []string
	for _, attribute := range attributes {
		name, _, _ := strings.Cut(attribute, "=")
		terms = append(terms, "`"+name+"` IS NOT NULL") // quoted: Year is a word of the language
	}
	return strings.Join(terms, " AND ")
}

// DropNamespace removes a namespace with everything in it; one that is not there is no error.
func DropNamespace(ctx context.Context, c client.Client, namespace string) error {
	_, err := c.OperatorService().DeleteNamespace(ctx, &operatorservice.DeleteNamespaceRequest{Namespace: namespace})
	var missing *serviceerror.NamespaceNotFound
	if err != nil && !errors.As(err, &missing) {
		return fmt.Errorf("removing the namespace %s: %w", namespace, err)
	}
	return nil
}
